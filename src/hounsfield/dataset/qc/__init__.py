"""Quality control without learned weights: what header and voxels of a scan show."""
