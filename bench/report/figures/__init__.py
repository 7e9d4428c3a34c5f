"""Numbers -> figures of matplotlib and seaborn -> SVG text; no files, no figure kept by pyplot.

Colours are roles, not values: a figure is drawn in stand-in colours that become CSS variables in
the SVG (`templates/palette.css` gives them for light and dark). Networks are grey, a figure's own
network has the accent, and only verdicts have other colours.
"""
