from .page import Page as Page
from .page import Reportable as Reportable
from .page import report as report
