# An agent in a container, with agentwatch as its PID 1. Build and run:
#   docker build -t {{image}} {{file}}.
#   docker run -d --name {{image}} -v {{image}}-state:{{state_dir}} --read-only --tmpfs /tmp \
#     --stop-timeout {{stop_seconds}} --restart unless-stopped {{image}}
#
# Where agentwatch comes from: an image of its own, built from its sources (packaging/docker/Dockerfile there).
ARG AGENTWATCH=agentwatch:{{version}}
# What the agent needs. For a static binary: --build-arg BASE=scratch
ARG BASE={{base}}

FROM ${AGENTWATCH} AS agentwatch

FROM ${BASE}
# The static binary: it needs nothing of the image it is in.
COPY --from=agentwatch /usr/local/bin/agentwatch /usr/local/bin/agentwatch
# Where journal, streak and latch are kept; a volume over it inherits its owner.
COPY --from=agentwatch --chown=65532:65532 /var/lib/agentwatch {{state_dir}}
WORKDIR /app
{{install}}# The agent itself. What is not to come along stands in .dockerignore.
COPY . /app
# Not root. The number is nobody's in particular; Kubernetes wants a number.
USER 65532:65532
# A home that exists, and the state in the volume.
ENV HOME=/tmp AGENTWATCH_STATE_DIR={{state_dir}}
VOLUME ["{{state_dir}}"]
# Unhealthy is: silent, down, given up. Docker itself does not act on it. Where something does and kills what is
# unhealthy (Swarm, autoheal), it must be --check live, or it would kill every cooldown.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=2 \
    CMD ["/usr/local/bin/agentwatch", "status", "--check", "healthy", "{{name}}"]
# docker stop: TERM to agentwatch, which stops the agent as configured.
STOPSIGNAL SIGTERM
# As PID 1 agentwatch holds after it gave up: the container stays, unhealthy, with nothing running in it, until
#   docker exec {{image}} agentwatch resume {{name}}
ENTRYPOINT {{entrypoint}}
CMD {{command}}
