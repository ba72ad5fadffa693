# virtio-fs
