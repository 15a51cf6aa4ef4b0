"""The engine: arrays in, arrays out. It opens no files, prints nothing and reads no clock.

Notation, the same in every file of this room (capitals are matrices, lower case vectors):

    n rows, d inputs, h units of a layer, K classes
    X (n, d) inputs      W (d, h) weights     b (h,) bias
    Z (n, h) = X W + b   what a dense layer gives; for the last layer, the scores (logits)
    A (n, h) = f(Z)      what an activation gives
    Y (n, K) targets     P (n, K) = link(Z), the prediction of the last layer
    L                    the loss, a mean over the n rows
    dZ, dW …             dL/dZ, dL/dW …, of the same shape as Z, W …
    θ, g                 all parameters, and dL/dθ, each as one flat vector
    α                    the learning rate

May import `registry`, `system` and `errors`, but not `data`. Open `network.py` first, then `layers.py`.

Every function that computes an array takes the array to write to as its last argument, so that a
training step allocates no matrix.
"""
