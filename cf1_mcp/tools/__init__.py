"""The tools by noun. Each file names its functions as the tools are named."""
