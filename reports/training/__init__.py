"""The lab's experiments, their data, and the state from which an interrupted one goes on."""
