"""Tasks: one file each; importing the file registers the task."""

from isospike.tasks.choose import TaskChoice, choose_task, default_task, task_called, task_with
from isospike.tasks.classification import Classification
from isospike.tasks.judge import Judge
from isospike.tasks.measure import Interval, Measure, Measured, plain_interval, read_interval
from isospike.tasks.regression import Regression
from isospike.tasks.task import Score, Shapes, Task, leaves_by_name, register_task, tasks, tensors_of

__all__ = [
    "Classification",
    "Interval",
    "Judge",
    "Measure",
    "Measured",
    "Regression",
    "Score",
    "Shapes",
    "Task",
    "TaskChoice",
    "choose_task",
    "default_task",
    "leaves_by_name",
    "plain_interval",
    "read_interval",
    "register_task",
    "task_called",
    "task_with",
    "tasks",
    "tensors_of",
]
