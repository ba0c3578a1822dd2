"""Training CARDs in Brevitas and exporting them; needs `pip install 'cardc[train]'` (the rest of cardc does
not).
"""
