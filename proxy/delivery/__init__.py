"""Getting one prepared call to Customer.io and its answer back."""
