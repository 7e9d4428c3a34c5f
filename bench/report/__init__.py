"""How the evidence is shown: pages, Markdown, figures and files. No torch."""
