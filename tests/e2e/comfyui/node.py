"""A stand-in for a custom node: the classes that it brings."""

NODE_CLASS_MAPPINGS = {"IPAdapterAdvanced": object, "IPAdapterModelLoader": object}
