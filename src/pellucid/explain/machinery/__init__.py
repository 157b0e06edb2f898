"""What several methods are built of: passes backward by rules, baselines, maps of a layer."""
