"""Live models in, proven NIR graphs out. Each framework has a file of its own, which is loaded when it is needed."""
