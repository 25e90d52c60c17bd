"""ComfyUI on a host: started as a job, found again, asked how it stands, ended, and reached from here."""
