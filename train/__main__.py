"""`python -P -m train` is the command `train`, in the processes that `train.devices.launch` starts, too."""

from train.cli import main

if __name__ == "__main__":
    main()
