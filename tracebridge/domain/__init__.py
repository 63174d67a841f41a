"""The nouns of TraceBridge: frozen values that every room may know, standard library only.

Rooms never import one another; they meet here. Each module holds the nouns of one stretch of
the walk ``session line -> event -> turn -> label -> trajectory -> replay row -> estimate ->
verdict -> bundle``.
"""
