"""What people do that takes several features: each flow composes them, and none of them knows the others."""
