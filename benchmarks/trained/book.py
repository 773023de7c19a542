"""What stands beside our scores: figures that were published, what is asked, and why a training earned nothing.

Where no other source is named, a published figure is of handson-ml (Géron, Hands-On Machine Learning with Scikit-Learn
and TensorFlow), notebook 14_recurrent_neural_networks.ipynb, printed outputs; dates of handson-ml2.
"""

from __future__ import annotations

from benchmarks.trained.queue import BLOCKS, DROPOUTS, MINIMAL, QUEUE, READERS

MNIST_RNN = {0: 0.9288, 1: 0.9471, 4: 0.9663, 9: 0.9726, 19: 0.9765}
"""Test accuracy of SimpleRNN 150 by epoch (Adam 1e-3, batch 150)."""
MNIST_LSTM = {0: 0.9563, 9: 0.9871}
"""Test accuracy of three LSTM layers of 150 units by epoch."""
WAVE = {0: 11.967, 100: 0.5258, 500: 0.0594, 1000: 0.0471, 1400: 0.0418}
"""MSE of the wave by iteration, 100 relu units, OutputProjectionWrapper, on one batch of 50 windows each."""
WAVE_DROPOUT = (2.25, 5.8)
"""Between which the MSE in training lies with input dropout: "dropout does not help at all"."""

TRAINED = {
    ("simple_rnn", "mnist_rows", "book"): ".9777, mean of the last ten of 100 epochs",
    ("stacked_lstm", "mnist_rows", "book_lstm"): ".9871 after 10 epochs",
    ("lstm", "mnist_rows", "fast_lstm"): ".9871, three layers",
    ("simple_rnn_he", "mnist_rows", "fast"): ".9772, of He and relu",
    ("time_distributed_projection", "wave", "book"): "0.0418 on one batch",
    ("reshape_projection", "wave", "book"): "0.0431 on one batch",
    ("input_dropout", "wave", "book_dropout"): "2.25 to 5.8 in training",
    ("gru", "reber", "book"): "1.0 from epoch 17 on (validation)",
    ("encoder_decoder", "dates", "fast"): "1.0 after 10 epochs (validation, token by token)",
    ("lstm", "reviews", "fast"): ".865, of whole reviews (Dai and Le 2015)",
    ("irnn", "adding", "slow_long"): "solved at 150 to 300 steps (Le et al. 2015)",
    ("lru", "copying", "blocks"): "solved by uRNN, not by LSTM (Arjovsky et al. 2016)",
    ("lstm", "associative_recall", "fast"): ".98, 50 units (Ba et al. 2016)",
    ("min_gru", "selective_copying", "blocks_wide"): ".995, three layers, 4,096 steps (Feng et al. 2024)",
    ("lru", "mnist_pixels", "pooled"): ".97, irnn (Le et al. 2015)",
    ("lru", "mnist_pixels_permuted", "pooled"): ".82, irnn (Le et al. 2015)",
}
"""What was published for a training, in words."""
LEAST = {
    ("simple_rnn", "mnist_rows", "fast"): 0.980,
    ("simple_rnn_he", "mnist_rows", "fast"): 0.982,
    ("lstm", "mnist_rows", "fast_lstm"): 0.988,
    ("time_distributed_projection", "wave", "book"): 0.046,
    ("dense_projection", "wave", "book"): 0.046,
    ("reshape_projection", "wave", "book"): 0.046,
    ("time_distributed_projection", "wave", "book_he"): 0.043,
    ("dense_projection", "wave", "book_he"): 0.043,
    ("reshape_projection", "wave", "book_he"): 0.043,
    ("encoder_decoder", "dates", "fast"): 0.995,
    ("lstm", "reviews", "fast"): 0.86,
    ("min_gru", "reviews", "blocks"): 0.875,
    ("lru", "mnist_pixels", "pooled"): 0.96,
    ("lstm", "mnist_rows", "long"): 0.990,
    ("gru", "mnist_rows", "long"): 0.988,
    ("min_gru", "mnist_rows", "blocks"): 0.985,
    ("min_lstm", "mnist_rows", "blocks"): 0.985,
    ("lru", "mnist_rows", "blocks"): 0.985,
    ("min_gru", "wave", "blocks"): 0.045,
    ("min_lstm", "wave", "blocks"): 0.045,
    ("lru", "wave", "blocks"): 0.045,
    ("lstm", "adding", "longer"): 0.005,
    ("gru", "adding", "long"): 0.001,
    ("irnn", "adding", "slow_long"): 0.01,
    ("min_gru", "adding", "fast"): 0.001,
    ("min_lstm", "adding", "fast"): 0.001,
    ("lru", "adding", "fast"): 0.005,
    ("lru", "copying", "blocks"): 0.0173,
    ("min_gru", "copying", "blocks_wide"): 0.0173,
    ("min_lstm", "copying", "blocks_wide"): 0.0173,
}
"""What a training is asked to reach, as the mean of its seeds."""
NEAR_NAIVE = 0.03
"""A score that is better than the naive one by less than this part of it has a reason in NAIVE."""
_RATE = "not learnt at this rate; at 1e-2, by the recipe `longer`, it is"
_FAR = "the gradient goes back 50 steps: every first number and half of the second stand farther away"
_CHANCE = "no model here finds more in 30 days"
_BY_HEART = "learns the training years by heart"
_LINEAR = "learns little that is not linear from 37 years"
_FITS_BADLY = "fits the training years badly too"
_HALF = "half of its numbers are hidden in training"
_FADES = "not learnt: the gradient of a plain tanh neuron fades over so many steps"
_SINES = "of a sum of sines a linear autoregression is nearly exact"
NAIVE = {
    **{(e, "wave", r): _SINES for group in QUEUE if group.task == "wave" for e in group.entries for r in group.recipes},
    **{(entry, "wave", "bare"): "one layer alone" for entry in BLOCKS},
    **{(entry, "wave", "fast"): "one layer, of which each neuron sees itself alone" for entry in ("ind_rnn", "sru")},
    **{(entry, "wave", "book_dropout"): _HALF for entry in DROPOUTS},
    ("lstm", "adding", "fast"): _RATE,
    ("lstm", "adding", "unclipped"): _RATE,
    ("lstm", "adding", "truncated"): _RATE,
    ("simple_rnn", "adding", "slow"): _FADES,
    ("simple_rnn", "adding", "slow_unclipped"): _FADES,
    ("simple_rnn", "adding", "slow_truncated"): _FADES,
    ("irnn", "adding", "slow_unclipped"): "not learnt; with clipping one seed of three begins to learn",
    ("irnn", "adding", "slow_truncated"): _FAR,
    ("min_gru", "adding", "bare"): "one layer alone does not learn it in these epochs",
    ("lru", "adding", "bare"): "one layer alone is linear: it never multiplies a value by its mark",
    ("vector_to_sequence", "draw_digit", "fast"): "of a digit alone no image is nearer than the mean of its images",
    **{(entry, "temperatures", "fast"): _CHANCE for entry in READERS},
    **{(entry, "temperatures", "fast"): _HALF for entry in READERS if "dropout" in entry},
    ("lru", "temperatures", "fast"): _BY_HEART,
    ("sru", "temperatures", "fast"): _FITS_BADLY,
    ("layer_norm_lstm", "temperatures", "fast"): _FITS_BADLY,
    **{(entry, "el_nino", "fast"): _LINEAR for entry in ("neuron", "simple_rnn", "lstm", "min_gru")},
    **{(entry, "el_nino", "fast"): _BY_HEART for entry in ("lru", "mamba")},
    **{(entry, "el_nino", "fast"): _FITS_BADLY for entry in ("ind_rnn", "sru")},
    ("mlstm", "el_nino", "fast"): "its error still falls at the end",
    **{(entry, "el_nino", "gated"): _BY_HEART for entry in ("lstm", "gru")},
    **{(entry, "el_nino", "plain"): _LINEAR for entry in ("neuron", "simple_rnn", "irnn")},
    **{(entry, "el_nino", "linear"): _LINEAR for entry in MINIMAL},
    **{(entry, "el_nino", "linear"): _BY_HEART for entry in ("lru", "mamba")},
    **{(entry, "el_nino", "linear"): _FITS_BADLY for entry in ("sru", "mlstm")},
    ("ind_rnn", "el_nino", "plain"): _FITS_BADLY,
}
"""Why a training is hardly better than the naive guess: its entry, task and recipe."""
