"""RunPod through its REST v2."""
