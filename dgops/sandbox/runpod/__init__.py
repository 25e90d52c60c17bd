"""A double of RunPod on loopback: its REST v2, whose pods are sandbox containers, with faults on demand."""
