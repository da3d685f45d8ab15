"""The peer: pythae's trainer for adversarial models, on VAEGAN with nets of equal size."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from ..methods.base import NetDict
from ..nets import Nets, build
from .textbook import plain

PEER = "pythae"
MISSING = (
    f"{PEER} is not installed, and its row is left out: pip install -c constraints.txt '.[bench]'"
)


def peer_is_here() -> bool:
    return find_spec(PEER) is not None


def peer_step(x: Tensor) -> Callable[[int], None]:
    """Steps of pythae's VAEGAN on batches like x (B, C, H, W), by pythae's own trainer.

    Encoder (with a scale beside each number of the code), decoder and critic are those of amr, as
    the textbook has them; all players step each time, as ours do. An epoch is one batch.
    Raises ImportError where pythae is not installed.
    """
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAEGAN, VAEGANConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder
    from pythae.trainers import (
        CoupledOptimizerAdversarialTrainer,
        CoupledOptimizerAdversarialTrainerConfig,
    )
    from pythae.trainers.training_callbacks import CallbackHandler, TrainingCallback

    config = Nets(posterior=True)
    players = ("autoencoder", "critic")
    nets: NetDict = plain(build(config, players, channels=x.shape[1], size=x.shape[-1]))

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = nets["autoencoder"].encoder

        def forward(self, x: Tensor) -> Any:
            mean, scale = self.net(x).flatten(1).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=scale)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = nets["autoencoder"].decoder

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.net(z.unflatten(1, config.code)))

    class Critic(BaseDiscriminator):  # type: ignore[misc]
        depth = 1

        def __init__(self) -> None:
            super().__init__()
            self.net = nets["critic"].body

        def forward(self, x: Tensor, output_layer_levels: list[int] | None = None) -> Any:
            maps = self.net(x)
            if output_layer_levels:
                return ModelOutput(embedding_layer_1=maps)
            return ModelOutput(embedding=maps.mean((1, 2, 3)).sigmoid())

    code = math.prod(config.code)
    model = VAEGAN(
        # A margin that is never passed: otherwise it leaves players out of a step at will.
        VAEGANConfig(input_dim=tuple(x.shape[1:]), latent_dim=code, margin=1e6),
        encoder=Encoder(),
        decoder=Decoder(),
        discriminator=Critic(),
    )
    logging.disable(logging.INFO)  # each of its modules has a logger that prints
    with tempfile.TemporaryDirectory() as folder:  # only its checkpoints would need it later on
        trainer = CoupledOptimizerAdversarialTrainer(
            model,
            BaseDataset(x.cpu(), torch.zeros(len(x))),
            training_config=CoupledOptimizerAdversarialTrainerConfig(
                output_dir=folder,
                per_device_train_batch_size=len(x),
                no_cuda=x.device.type == "cpu",
            ),
        )
        trainer.prepare_training()
    logging.disable(logging.NOTSET)
    trainer.callback_handler = CallbackHandler([TrainingCallback()], model)  # no progress bars

    def run(steps: int) -> None:
        for epoch in range(steps):  # of one batch each
            trainer.train_step(epoch + 1)

    return run
