"""Curves, whatever they are drawn on: scales, ticks, thinning, cells of a terminal, SVG."""
