"""Study: sites of radio telescopes."""
