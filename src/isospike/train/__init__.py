"""Training of networks with quantised activations: one recipe, one loop, exact resume."""

from isospike.train.augment import AugmentedImages
from isospike.train.fitting import fit
from isospike.train.levels import LevelSchedule
from isospike.train.recipe import Recipe
from isospike.train.trained import Epoch, Trained

__all__ = ["AugmentedImages", "Epoch", "LevelSchedule", "Recipe", "Trained", "fit"]
