# src/pod
