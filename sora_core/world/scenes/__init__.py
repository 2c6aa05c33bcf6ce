"""Scene families: each draws the bodies of one clip and how they start."""
