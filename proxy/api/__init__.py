"""What Customer.io is: its endpoints, how a request is matched to one, and which headers travel."""
