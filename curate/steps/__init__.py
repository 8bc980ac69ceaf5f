"""What is done to a batch of documents in memory: repair, rewrite, identify, measure. `order.py` lists the steps in order."""
