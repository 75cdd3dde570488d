"""What runs inside the container: floor, mechanism, parts, policy, programs; imports only go down."""
