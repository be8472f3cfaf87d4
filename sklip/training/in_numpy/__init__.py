"""Training in plain NumPy, for dense networks on tables: the same steps as with Keras, and no package beyond NumPy.

``loop`` trains. It runs the epochs of ``epoch`` on the network of ``network``. The gradients are in ``loss_slopes``,
``activations`` and ``stiefel``, ``optimizers`` has the steps, and ``limits`` says what only Keras can train.
"""
