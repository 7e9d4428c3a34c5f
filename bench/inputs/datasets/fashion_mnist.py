"""Fashion-MNIST: 70,000 grey-level pictures of clothes (Xiao, Rasul and Vollgraf, 2017; MIT).

54,000 / 6,000 / 10,000, split like MNIST.
"""

from __future__ import annotations

from bench.inputs.idx import Source

# Other public loaders pin the same digests. The digests of the labels were also computed from the
# publisher's archives, whose md5 torchvision publishes.
SOURCE = Source(
    name="fashion_mnist",
    folder="FashionMNIST",
    sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)
load, locate, ensure = SOURCE.load, SOURCE.locate, SOURCE.ensure
