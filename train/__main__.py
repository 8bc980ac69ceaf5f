"""`torchrun --nproc-per-node N -m train RECIPE.yaml` runs the command on every process."""

from train.cli import main

if __name__ == "__main__":
    main()
