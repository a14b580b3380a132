"""Those who move in: configurations of other tools, and of pipelex itself, become one of ours."""
