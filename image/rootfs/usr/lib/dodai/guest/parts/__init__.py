"""The things an init deals with: the environment, startup files, services and their supervisors."""
