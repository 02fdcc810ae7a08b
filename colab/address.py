"""Where the notebooks get cv_tf from, and where their badges lead.

The address is a placeholder: nothing is published there yet. Whoever publishes this
repository writes its address here; `python colab/store_outputs.py --address` then puts
it into all notebooks.
"""

REPOSITORY = "https://github.com/OWNER/cv_tf"
