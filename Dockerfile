# The nightly run in a container; docs/guides/nightly.md says how it is built and started. With
# --build-arg EXTRAS='[gpu]' also trainings on GPUs; docs/guides/installation.md says how.
FROM python:3.12-slim
ARG EXTRAS=""

WORKDIR /src
COPY pyproject.toml setup.cfg README.md LICENSE ./
COPY cv_tf cv_tf
# TensorFlow's headers, 0.4 GB, are for those who compile operations.
RUN pip install --no-cache-dir ".${EXTRAS}" \
    && rm -r "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tensorflow/include"

# Nothing is run as root. Whoever starts the container with another user gives that user
# the two folders.
RUN useradd --create-home --uid 1000 cv_tf \
    && mkdir /runs /cache \
    && chown cv_tf:cv_tf /runs /cache
USER 1000
WORKDIR /home/cv_tf
COPY configs configs

# Trainings with what each night leaves, and what is known of photos.
VOLUME ["/runs", "/cache"]
ENTRYPOINT ["python", "-m", "cv_tf.update"]
