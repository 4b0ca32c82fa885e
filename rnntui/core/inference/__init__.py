"""Inference with torch: scoring, dynamic evaluation, gradients."""
