"""What an image weighs and why: its files by package and folder, a table, a picture, the budgets of packages.toml."""
