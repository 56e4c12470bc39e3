"""One file per operator; each defines SPEC. Files with a leading underscore hold what several operators share."""
