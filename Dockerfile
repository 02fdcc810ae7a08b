# The nightly run in a container; docs/guides/nightly.md says how it is built and started.
FROM python:3.12-slim

WORKDIR /src
COPY pyproject.toml setup.cfg README.md LICENSE ./
COPY cv_tf cv_tf
RUN pip install --no-cache-dir .

# Nothing is run as root. Whoever starts the container with another user gives that user
# the two folders.
RUN useradd --create-home --uid 1000 cv_tf \
    && mkdir /runs /cache \
    && chown cv_tf:cv_tf /runs /cache
USER cv_tf
WORKDIR /home/cv_tf

# Trainings with what each night leaves, and what is known of photos.
VOLUME ["/runs", "/cache"]
ENTRYPOINT ["python", "-m", "cv_tf.update"]
