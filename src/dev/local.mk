# src/dev
