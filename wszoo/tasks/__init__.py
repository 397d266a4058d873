"""What a model's outputs mean: heads, losses, metrics and targets, a task a file.

    task = wszoo.tasks.find("classification")

Each file registers what it makes (`@register`), so a new task is one new file. Registry,
evaluation, transfer, export and the commands ask here; nowhere else is a task known by its name.
"""

from wszoo.tasks.task import Task, find, names, register

__all__ = ["Task", "find", "names", "register"]
