"""A checked plan as C sources: dict of relative path to text. No disk access; equal input gives equal bytes."""
