"""A trained model made smaller by tying, and its rival, the narrower one."""
