"""The matrix products that `compare.py gemm` times: rows x columns x terms, with a or b behind where that operand lies transposed."""


def of_linear(rows, wide, deep):
    """A linear layer from `deep` to `wide` features: forward, the gradient of its input, the gradient of its weight."""
    return [f"{rows}x{wide}x{deep}", f"{rows}x{deep}x{wide}b", f"{deep}x{wide}x{rows}a"]


def of_head(rows, words, width):
    """The logits from a table of words, and their gradients."""
    return [f"{rows}x{words}x{width}b", f"{rows}x{width}x{words}", f"{words}x{width}x{rows}a"]


ROWS = 256  # B4 T64
GPT2 = of_linear(ROWS, 768, 768) + of_linear(ROWS, 3072, 768) + of_linear(ROWS, 768, 3072) + of_head(ROWS, 50257, 768)
LLAMA = of_linear(ROWS, 256, 768) + of_linear(ROWS, 2048, 768) + of_linear(ROWS, 768, 2048) + of_head(ROWS, 32000, 768)
SQUARES = [f"{n}x{n}x{n}" for n in (512, 1024, 2048)]
ODD = ["63x768x769", "65x127x1000", "255x257x259", "1000x1000x1000", "127x3072x768", "1023x511x1025b", "769x255x257a"]
FEW_ROWS = ["1x768x768", "1x3072x768", "8x3072x768"]
SHAPES = GPT2 + LLAMA + SQUARES + ODD + FEW_ROWS
