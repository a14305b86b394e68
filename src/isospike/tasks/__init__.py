"""Tasks: one file each; importing the file registers the task."""

from isospike.tasks.choose import TaskChoice, choose_task, default_task, task_called, task_with
from isospike.tasks.classification import Classification
from isospike.tasks.judge import Judge
from isospike.tasks.measure import INTERVAL, Interval, Measure, Measured, Measures, Metric, read_interval
from isospike.tasks.regression import Regression
from isospike.tasks.task import Score, Shapes, Task, TaskObject, leaves_by_name, register_task, tasks, tensors_of

__all__ = [
    "INTERVAL",
    "Classification",
    "Interval",
    "Judge",
    "Measure",
    "Measured",
    "Measures",
    "Metric",
    "Regression",
    "Score",
    "Shapes",
    "Task",
    "TaskChoice",
    "TaskObject",
    "choose_task",
    "default_task",
    "leaves_by_name",
    "read_interval",
    "register_task",
    "task_called",
    "task_with",
    "tasks",
    "tensors_of",
]
