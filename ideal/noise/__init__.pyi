from .complex_gaussian import ComplexGaussian as ComplexGaussian
from .contract import Figure as Figure
from .contract import NoiseModel as NoiseModel
from .gaussian import Gaussian as Gaussian
from .members import NOISE as NOISE
from .poisson import Poisson as Poisson
from .poisson_gaussian import PoissonGaussian as PoissonGaussian
from .speckle import Speckle as Speckle
