"""Rows, the nearest inputs of another predicted class, and their differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.plotting._adversarial_drawing import draw_changes, draw_images
from sklip.plotting._adversarial_inputs import check_shapes, search
from sklip.plotting._style import axes_for, require_matplotlib, rounded
from sklip.rows.images import flattened
from sklip.rows.images import image_shape as shape_of


@dataclass(kw_only=True, eq=False, repr=False)
class AdversarialDisplay:
    """Rows and the closest inputs found that have another predicted class.

    The display has images or bars. Images are three per row: the row, the input and their difference. Bars are for rows
    of named columns: they show the largest changes, with the values before and after in raw units. The heading of each
    row gives the predictions, the certified radius, within which there is no such input, and the distance of the input.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns), float64
        Rows, in raw units. They have the columns that may change.
    adversarial : ndarray of shape (n_rows, n_columns), float64
        Inputs. A row for which none was found holds nan.
    y_pred, y_adversarial : ndarray of shape (n_rows,), default=None
        Predictions for the rows and for the inputs.
    radius, distance : ndarray of shape (n_rows,), default=None
        Certified radii, and distances of the inputs.
    row_names : sequence of str, default=None
        Names of the rows; None for "row 0" and so on.
    feature_names : sequence of str, default=None
        Names of the columns; None for "column 0" and so on.
    image_shape : tuple of (int, int) or (int, int, int), default=None
        Height, width and perhaps channels, to draw images; None to draw bars. Three or four channels are colours; of
        other numbers, the mean is drawn.
    tolerances : ndarray of shape (n_columns,), default=None
        Tolerances of the columns. They are the units in which changes are ranked and drawn; None for raw units.
    unit : str, default=None
        Unit of distances and bars.

    Attributes
    ----------
    images_ : ndarray of shape (n_rows, 3) of matplotlib.image.AxesImage, or None
        Row, input and difference of each row. Differences share a symmetric scale.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        Colour scale of the differences.
    bars_ : list of matplotlib.container.BarContainer, or None
        One container per row, with the largest change first.
    ax_ : matplotlib.axes.Axes
        Axes of the picture.
    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    sklip.HKRClassifier.closest_adversarial : The search, for a classifier.
    sklip.audit : The search, for everything that has a certificate.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.plotting import AdversarialDisplay
    >>> rows, adversarial = np.zeros((1, 4)), np.array([[0.0, 0.5, 0.0, -0.5]])
    >>> display = AdversarialDisplay(rows=rows, adversarial=adversarial, image_shape=(2, 2)).plot()
    >>> display.images_[0, 2].get_array().tolist()
    [[0.0, 0.5], [0.0, -0.5]]
    """

    rows: np.ndarray
    adversarial: np.ndarray
    y_pred: np.ndarray | None = None
    y_adversarial: np.ndarray | None = None
    radius: np.ndarray | None = None
    distance: np.ndarray | None = None
    row_names: Sequence[str] | None = None
    feature_names: Sequence[str] | None = None
    image_shape: tuple[int, ...] | None = None
    tolerances: np.ndarray | None = None
    unit: str | None = None

    def plot(
        self, ax=None, *, n_features: int = 6, image_kwargs: dict | None = None, bar_kwargs: dict | None = None
    ) -> Self:
        """Draw images or bars.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        n_features : int, default=6
            Largest number of bars per row.
        image_kwargs : dict, default=None
            Style of the images of rows and inputs, for :meth:`matplotlib.axes.Axes.imshow`. By default the shades cover
            the range of the rows.
        bar_kwargs : dict, default=None
            Style of the bars, for :meth:`matplotlib.axes.Axes.barh`.

        Returns
        -------
        AdversarialDisplay
            This display.
        """
        require_matplotlib(f"{type(self).__name__}.plot")
        check_shapes(self)
        if not (isinstance(n_features, (int, np.integer)) and n_features > 0):
            raise ValueError(f"n_features must be an integer, 1 or more; got {n_features!r}.")
        self.ax_ = ax = axes_for(ax, f"{type(self).__name__}.plot", self._figsize(n_features))
        self.figure_ = ax.figure
        self.images_ = self.colorbar_ = self.bars_ = None
        headings = [self._heading(row) for row in range(len(self.rows))]
        if self.image_shape is not None:
            self.images_, self.colorbar_ = draw_images(
                ax, self.rows, self.adversarial, self.image_shape, headings, image_kwargs
            )
        else:
            names = self.feature_names or [f"column {column}" for column in range(self.rows.shape[1])]
            self.bars_ = draw_changes(
                ax, self.rows, self.adversarial, self.tolerances, names, headings, n_features, bar_kwargs
            )
            ax.set_xlabel(f"change ({self.unit})" if self.unit else "change")
        return self

    def _figsize(self, n_features):
        """Return width and height of a new figure, in inches."""
        n_rows, n_columns = self.rows.shape
        if self.image_shape is None:
            return 7.5, 0.8 + n_rows * (0.6 + 0.28 * min(n_features, n_columns))
        return 2.6 + 1.45 * n_rows, 1.1 + 1.45 * (3 * self.image_shape[0] / self.image_shape[1] + 0.3)

    def _heading(self, row):
        """Return what is known about a row: its name, its predictions, its radius and the distance of the input."""
        parts = [f"row {row}" if self.row_names is None else self.row_names[row]]
        if self.y_pred is not None:
            other = None if self.y_adversarial is None else self.y_adversarial[row]
            parts.append(f"{self.y_pred[row]}" if other is None else f"{self.y_pred[row]} → {other}")
        if self.radius is not None:
            parts.append(f"certified {rounded(self.radius[row], ROUND_FLOOR)}")
        if self.distance is not None and np.isfinite(self.distance[row]):
            parts.append(f"found at {rounded(self.distance[row], ROUND_CEILING)}")
        elif not np.isfinite(self.adversarial[row]).all():
            parts.append("none found")
        return parts

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        rows: ArrayLike | None = None,
        norm: float | None = None,
        tolerances: ArrayLike | Mapping | None = None,
        step_lipschitz: dict | None = None,
        random_state: int = 0,
        image_shape: tuple[int, ...] | None = None,
        unit: str | None = None,
        ax=None,
        n_features: int = 6,
        image_kwargs: dict | None = None,
        bar_kwargs: dict | None = None,
    ) -> Self:
        """Search for the closest inputs for which a fitted estimator predicts another class, and draw them.

        Parameters
        ----------
        estimator : fitted estimator
            Any estimator that :func:`sklip.certified_radius` takes. For a sklip classifier, in the
            question for which it was trained, ``closest_adversarial`` makes the search. In all other cases the attacks
            of :func:`sklip.audit` do.
        X : array-like of shape (n_rows, n_columns) or (n_rows, height, width, channels)
            Rows, as for ``estimator.predict``.
        rows : array-like of int, default=None
            Positions of the rows to show; None for the first four rows.
        norm : {1, 2, inf} or None, default=None
            Norm of displacements; None as in :func:`sklip.certified_radius`: that of the training, if there are no
            steps before the classifier.
        tolerances : array-like of shape (n_columns,) or mapping, default=None
            Tolerances, as in :func:`sklip.certified_radius`.
        step_lipschitz : dict of str to float, default=None
            Constants of pipeline steps, as in :func:`sklip.certified_radius`.
        random_state : int, default=0
            Seed of the attacks.
        image_shape : tuple of (int, int) or (int, int, int), default=None
            Height, width and perhaps channels, to draw images; None to draw bars, unless ``X`` has images.
        unit : str, default=None
            Unit of distances; None for "units of X", or "tolerances" if distances are in these.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        n_features : int, default=6
            See :meth:`plot`.
        image_kwargs, bar_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        AdversarialDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If rows do not exist, if the image shape does not match the number of columns, or if norm or tolerances are
            invalid.
        sklip.exceptions.NotLipschitzError
            If the estimator or a step has no certificate.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from sklip import LipschitzMLP
        >>> from sklip.plotting import AdversarialDisplay
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> model = LipschitzMLP(hidden_layer_sizes=(16, 8), epochs=10, random_state=0)
        >>> model = make_pipeline(StandardScaler(), model).fit(X, y)
        >>> display = AdversarialDisplay.from_estimator(model, X, rows=[0, 60], unit="cm")
        >>> bool((display.radius <= display.distance).all()), len(display.bars_)
        (True, 2)
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        question = {"norm": norm, "tolerances": tolerances, "step_lipschitz": step_lipschitz}
        display = search(cls, estimator, X, rows, random_state, image_shape, unit, **question)
        return display.plot(ax=ax, n_features=n_features, image_kwargs=image_kwargs, bar_kwargs=bar_kwargs)

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        adversarial: ArrayLike,
        *,
        y_pred: ArrayLike | None = None,
        y_adversarial: ArrayLike | None = None,
        radius: ArrayLike | None = None,
        distance: ArrayLike | None = None,
        image_shape: tuple[int, ...] | None = None,
        tolerances: ArrayLike | None = None,
        unit: str | None = None,
        ax=None,
        n_features: int = 6,
        image_kwargs: dict | None = None,
        bar_kwargs: dict | None = None,
    ) -> Self:
        """Draw rows and inputs that any attack has found.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns) or (n_rows, height, width, channels)
            Rows of numbers. The columns of a frame have names.
        adversarial : array-like of the shape of X
            Inputs. A row for which there is none holds nan.
        y_pred, y_adversarial : array-like of shape (n_rows,), default=None
            Predictions for the rows and for the inputs.
        radius, distance : array-like of shape (n_rows,), default=None
            Certified radii, and distances of the inputs.
        image_shape : tuple of (int, int) or (int, int, int), default=None
            Height, width and perhaps channels, to draw images; None to draw bars, unless ``X`` has images.
        tolerances : array-like of shape (n_columns,), default=None
            Tolerances of the columns, all above 0.
        unit : str, default=None
            Unit of distances.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None for a new figure.
        n_features : int, default=6
            See :meth:`plot`.
        image_kwargs, bar_kwargs : dict, default=None
            See :meth:`plot`.

        Returns
        -------
        AdversarialDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the shapes of the arrays do not fit together.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklip.plotting import AdversarialDisplay
        >>> display = AdversarialDisplay.from_predictions([[1.0, 2.0]], [[1.0, 2.5]], y_pred=["a"], y_adversarial=["b"])
        >>> [float(bar.get_width()) for bar in display.bars_[0]]
        [0.5, 0.0]
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")
        names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
        labels = {"y_pred": y_pred, "y_adversarial": y_adversarial}
        numbers = {"radius": radius, "distance": distance, "tolerances": tolerances}
        given: dict[str, Any] = {name: np.asarray(array) for name, array in labels.items() if array is not None}
        given |= {name: np.asarray(array, np.float64) for name, array in numbers.items() if array is not None}
        rows, inputs = np.asarray(X, np.float64), np.asarray(adversarial, np.float64)
        shape_of_images = shape_of(rows)
        image_shape, rows, inputs = image_shape or shape_of_images, flattened(rows), flattened(inputs)
        display = cls(rows=rows, adversarial=inputs, **given, feature_names=names, image_shape=image_shape, unit=unit)
        return display.plot(ax=ax, n_features=n_features, image_kwargs=image_kwargs, bar_kwargs=bar_kwargs)
