"""What a picture shows, as plain data: colours, pixels, scales, curves and counts, worked out once.

`plots` draws it with Matplotlib, `report` writes it as HTML; neither program is known here.
"""
