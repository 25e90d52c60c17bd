"""Images: a root file system with the roles applied, as a .wsl file, a pod's OCI archive or a plain tar."""
