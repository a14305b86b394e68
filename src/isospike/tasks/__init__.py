"""Tasks: one file each; importing the file registers the task."""

from isospike.tasks.choose import TaskChoice as TaskChoice
from isospike.tasks.choose import choose_task as choose_task
from isospike.tasks.choose import default_task as default_task
from isospike.tasks.choose import task_called as task_called
from isospike.tasks.choose import task_with as task_with
from isospike.tasks.classification import Classification as Classification
from isospike.tasks.judge import Judge as Judge
from isospike.tasks.measure import INTERVAL as INTERVAL
from isospike.tasks.measure import Interval as Interval
from isospike.tasks.measure import Measure as Measure
from isospike.tasks.measure import Measured as Measured
from isospike.tasks.measure import Measures as Measures
from isospike.tasks.measure import Metric as Metric
from isospike.tasks.measure import read_interval as read_interval
from isospike.tasks.regression import Regression as Regression
from isospike.tasks.task import Score as Score
from isospike.tasks.task import Shapes as Shapes
from isospike.tasks.task import Task as Task
from isospike.tasks.task import TaskObject as TaskObject
from isospike.tasks.task import leaves_by_name as leaves_by_name
from isospike.tasks.task import register_task as register_task
from isospike.tasks.task import tasks as tasks
from isospike.tasks.task import tensors_of as tensors_of
