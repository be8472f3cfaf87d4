"""Rows, the nearest inputs that are predicted otherwise, and what differs between them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.plotting._adversarial_drawing import draw_changes, draw_images
from sklip.plotting._adversarial_inputs import check_shapes, search
from sklip.plotting._estimators import unit_of
from sklip.plotting._style import axes_for, require_matplotlib


class AdversarialDisplay:
    """Rows beside the closest inputs found that are predicted otherwise: what would have had to be different.

    As images, three for each row: the row, the input, their difference. Or as bars, for rows of named columns: the
    largest changes, with the values before and after in raw units. Over each row stand the predictions, the certified
    radius, within which there is no such input, and the distance at which this one was found.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns), float64
        Rows, in raw units; of the columns that may move.
    adversarial : ndarray of shape (n_rows, n_columns), float64
        The inputs; nan for a row for which none was found.
    y_pred, y_adversarial : ndarray of shape (n_rows,), default=None
        What is predicted for both.
    radius, distance : ndarray of shape (n_rows,), default=None
        Certified radii, and distances of the inputs.
    row_names : sequence of str, default=None
        Of the rows; None for "row 0" and so on.
    feature_names : sequence of str, default=None
        Of the columns; None for "column 0" and so on.
    image_shape : tuple of (int, int), default=None
        Height and width, to draw images; None to draw bars.
    tolerances : ndarray of shape (n_columns,), default=None
        Tolerances: changes are ranked, and bars are long, in them. None for raw units.
    unit : str, default=None
        Of distances and bars.

    Attributes
    ----------
    images_ : ndarray of shape (n_rows, 3) of matplotlib.image.AxesImage, or None
        Row, input and difference of each row. Differences share a symmetric scale.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        Of the differences.
    bars_ : list of matplotlib.container.BarContainer, or None
        One a row, the largest change first.
    ax_ : matplotlib.axes.Axes
        What it was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.

    See Also
    --------
    sklip.HKRClassifier.closest_adversarial : The search, for a classifier.
    sklip.audit : The search, for whatever has a certificate.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.plotting import AdversarialDisplay
    >>> rows, adversarial = np.zeros((1, 4)), np.array([[0.0, 0.5, 0.0, -0.5]])
    >>> display = AdversarialDisplay(rows=rows, adversarial=adversarial, image_shape=(2, 2)).plot()
    >>> display.images_[0, 2].get_array().tolist()
    [[0.0, 0.5], [0.0, -0.5]]
    """

    def __init__(
        self,
        *,
        rows: np.ndarray,
        adversarial: np.ndarray,
        y_pred: np.ndarray | None = None,
        y_adversarial: np.ndarray | None = None,
        radius: np.ndarray | None = None,
        distance: np.ndarray | None = None,
        row_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
        image_shape: tuple[int, int] | None = None,
        tolerances: np.ndarray | None = None,
        unit: str | None = None,
    ):
        self.rows = rows
        self.adversarial = adversarial
        self.y_pred = y_pred
        self.y_adversarial = y_adversarial
        self.radius = radius
        self.distance = distance
        self.row_names = row_names
        self.feature_names = feature_names
        self.image_shape = image_shape
        self.tolerances = tolerances
        self.unit = unit

    def plot(
        self, ax=None, *, n_features: int = 6, image_kwargs: dict | None = None, bar_kwargs: dict | None = None
    ) -> "AdversarialDisplay":
        """Draw images, or bars.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        n_features : int, default=6
            How many changes of each row are bars, at most.
        image_kwargs : dict, default=None
            Of rows and inputs, for :meth:`matplotlib.axes.Axes.imshow`; shades span the range of the rows.
        bar_kwargs : dict, default=None
            Of the bars, for :meth:`matplotlib.axes.Axes.barh`.

        Returns
        -------
        AdversarialDisplay
            This display.
        """
        require_matplotlib(f"{type(self).__name__}.plot")
        check_shapes(self)
        if not (isinstance(n_features, (int, np.integer)) and n_features > 0):
            raise ValueError(f"n_features must be an integer, 1 or more; got {n_features!r}.")
        self.images_ = self.colorbar_ = self.bars_ = None
        if self.image_shape is not None:
            self.ax_ = axes_for(ax, f"{type(self).__name__}.plot", self._figsize())
            self.images_, self.colorbar_ = draw_images(self, image_kwargs)
        else:
            shown = min(n_features, self.rows.shape[1])
            self.ax_ = axes_for(ax, f"{type(self).__name__}.plot", (7.5, 0.8 + len(self.rows) * (0.6 + 0.28 * shown)))
            self.bars_ = draw_changes(self, n_features, bar_kwargs)
        self.figure_ = self.ax_.figure
        return self

    def _figsize(self):
        """Inches of a figure of images."""
        return 2.6 + 1.45 * len(self.rows), 1.1 + 1.45 * (3 * self.image_shape[0] / self.image_shape[1] + 0.3)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        rows: ArrayLike | None = None,
        norm: float = 2,
        tolerances: ArrayLike | Mapping | None = None,
        step_lipschitz: dict | None = None,
        random_state: int = 0,
        image_shape: tuple[int, int] | None = None,
        unit: str | None = None,
        ax=None,
        n_features: int = 6,
        image_kwargs: dict | None = None,
        bar_kwargs: dict | None = None,
    ) -> "AdversarialDisplay":
        """Search for the closest inputs that a fitted estimator predicts otherwise, and draw them.

        Parameters
        ----------
        estimator : fitted estimator
            Anything that :func:`sklip.certified_radius` takes. ``closest_adversarial`` searches for a sklip classifier
            in L2, the attacks of :func:`sklip.audit` for all else.
        X : array-like of shape (n_rows, n_columns)
            Rows, as for ``estimator.predict``.
        rows : array-like of int, default=None
            Positions of the rows to show; None for the first four.
        norm : {1, 2, inf}, default=2
            Of displacements.
        tolerances : array-like of shape (n_columns,) or mapping, default=None
            Tolerances, as in :func:`sklip.certified_radius`.
        step_lipschitz : dict of str to float, default=None
            Constants of pipeline steps, as in :func:`sklip.certified_radius`.
        random_state : int, default=0
            Of the attacks.
        image_shape : tuple of (int, int), default=None
            Height and width, to draw images; None to draw bars.
        unit : str, default=None
            Of distances; None for "units of X", or "tolerances" where ``tolerances`` are given.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        n_features : int, default=6
            As for :meth:`plot`.
        image_kwargs, bar_kwargs : dict, default=None
            As for :meth:`plot`.

        Returns
        -------
        AdversarialDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For rows that are not there, an image shape that is not that of the rows, norms and tolerances that make
            no sense.
        sklip.exceptions.NotLipschitzError
            For an estimator, or a step, without a certificate.
        ImportError
            Without matplotlib.

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
        options = {"norm": norm, "tolerances": tolerances, "step_lipschitz": step_lipschitz}
        found = search(estimator, X, rows, random_state, **options)
        display = cls(**vars(found), image_shape=image_shape, unit=unit_of(unit, tolerances))
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
        image_shape: tuple[int, int] | None = None,
        tolerances: ArrayLike | None = None,
        unit: str | None = None,
        ax=None,
        n_features: int = 6,
        image_kwargs: dict | None = None,
        bar_kwargs: dict | None = None,
    ) -> "AdversarialDisplay":
        """Draw given rows and inputs, of any attack.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Rows of numbers; of a frame, the columns have names.
        adversarial : array-like of shape (n_rows, n_columns)
            The inputs; nan for a row for which there is none.
        y_pred, y_adversarial : array-like of shape (n_rows,), default=None
            What is predicted for both.
        radius, distance : array-like of shape (n_rows,), default=None
            Certified radii, and distances of the inputs.
        image_shape : tuple of (int, int), default=None
            Height and width, to draw images; None to draw bars.
        tolerances : array-like of shape (n_columns,), default=None
            Tolerances of the columns, all above 0.
        unit : str, default=None
            Of distances.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None for a new figure.
        n_features : int, default=6
            As for :meth:`plot`.
        image_kwargs, bar_kwargs : dict, default=None
            As for :meth:`plot`.

        Returns
        -------
        AdversarialDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For arrays of shapes that do not fit together.
        ImportError
            Without matplotlib.

        Examples
        --------
        >>> from sklip.plotting import AdversarialDisplay
        >>> display = AdversarialDisplay.from_predictions([[1.0, 2.0]], [[1.0, 2.5]], y_pred=["a"], y_adversarial=["b"])
        >>> [float(bar.get_width()) for bar in display.bars_[0]]
        [0.5, 0.0]
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")

        def array(values, dtype=None):
            return None if values is None else np.asarray(values, dtype=dtype)

        display = cls(
            rows=array(X, np.float64),
            adversarial=array(adversarial, np.float64),
            y_pred=array(y_pred),
            y_adversarial=array(y_adversarial),
            radius=array(radius, np.float64),
            distance=array(distance, np.float64),
            feature_names=[str(name) for name in X.columns] if hasattr(X, "columns") else None,
            image_shape=image_shape,
            tolerances=array(tolerances, np.float64),
            unit=unit,
        )
        return display.plot(ax=ax, n_features=n_features, image_kwargs=image_kwargs, bar_kwargs=bar_kwargs)
