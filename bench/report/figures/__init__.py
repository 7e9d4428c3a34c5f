"""Numbers -> figures of matplotlib and seaborn -> SVG text; no files, no figure kept by pyplot.

Colours are roles, not values: a figure is drawn in stand-in colours that become CSS variables in
the SVG (`templates/palette.css` gives them for light and dark). An architecture's colour is its
place among the sorted names, so it is the same in every figure.
"""
